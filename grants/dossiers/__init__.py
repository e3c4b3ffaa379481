"""The dossier of a grant: all of it in one archive that proves itself."""
