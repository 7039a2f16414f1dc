#!/bin/sh
# OpenCV shrinks 8-bit pictures in fixed point: exact bilinear interpolation, rounded, gives other grey levels in a share of the pixels.
# Version: opencv-python-headless==4.14.0.94, numpy==2.4.6. Source: modules/imgproc/src/resize.cpp (weights of 11 bits for 8-bit pictures).
# Behaviour: cv2.resize(INTER_LINEAR) of uint8 differs from the rounded result of the same call on float32; who compares scores with a
# program that uses OpenCV must call OpenCV.
# Output seen 2026-11-28: 12.7 % of the pixels differ, the largest difference to exact is 0.78
. "$(dirname "$0")/lib.sh"
need opencv-python-headless==4.14.0.94 numpy==2.4.6
py <<'P'
import cv2
import numpy as np
picture = np.random.default_rng(0).integers(0, 256, (360, 640), np.uint8)
whole = cv2.resize(picture, (224, 224), interpolation=cv2.INTER_LINEAR)
exact = cv2.resize(picture.astype(np.float32), (224, 224), interpolation=cv2.INTER_LINEAR)
other = np.rint(exact).astype(int) != whole
found = f"{100 * other.mean():.1f} % of the pixels differ, the largest difference to exact is {np.abs(exact - whole).max():.2f}"
print(found)
assert found == "12.7 % of the pixels differ, the largest difference to exact is 0.78"
P
