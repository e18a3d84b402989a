"""Answers as workbooks: what was put in stands as a figure, everything worked out from it is a formula."""
