"""A coordinator tries the form of a call in preparation: saved and checked as an application is, and never one."""
