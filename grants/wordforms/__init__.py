"""The application form as a Word document: filled in together without a line, sent in, compared, taken over."""
