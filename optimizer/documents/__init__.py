"""Documents: built once from a result, worded in any language, and written as text, Markdown, HTML, Word, PDF, CSV,
JSON or a workbook. Nothing in here knows what a GPU is."""
