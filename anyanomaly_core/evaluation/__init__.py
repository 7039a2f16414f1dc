"""How good a scorer is: labelled archives, protocols, metrics, ablations, calibration."""
