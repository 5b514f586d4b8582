"""Ask a corpus from Python. Usage: python ask.py CORPUS QUESTION [MODEL]"""

import sys

from vademecum import Assistant


def main(corpus: str, question: str, model: str = "none") -> None:
    with Assistant.open(corpus, model=model) as assistant:
        answer = assistant.ask(question)
    print(answer.answer)
    for sentence in answer.sentences:
        print(f"- {sentence.support:<11} {list(sentence.citations)} {sentence.text}")
    for source in answer.sources:
        print(f"[{source.n}] {source.title} ({source.year}) {source.url}")


if __name__ == "__main__":
    main(*sys.argv[1:])
