"""The inbox: what each person has to do, found, shown, handed on and watched."""
