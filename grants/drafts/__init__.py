"""Writing an application together: notes between colleagues, earlier versions of a section, answers of an earlier application."""
