"""What recorders call their files, and what they keep beside or inside them."""
