"""What other tools' instances are answered with, as text, JSON, CSV and Markdown."""
