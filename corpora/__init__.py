"""What a corpus is: documents and passages, readers, and the library that keeps them."""
