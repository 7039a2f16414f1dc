"""Rules written on the pages: the form, what a draft would find, and a moment of footage to try it on."""
