"""The demo: a rendered archive of CCTV-like footage, and two small models that know that world."""
