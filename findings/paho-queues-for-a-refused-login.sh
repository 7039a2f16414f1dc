#!/bin/sh
# paho-mqtt with a wrong password: connect() succeeds, publish() of QoS 1 returns, and nothing is ever raised.
# Version: paho-mqtt==2.1.0, mosquitto 2.0.11 (Debian). Source: paho/mqtt/client.py, connect() returns once TCP is open; loop_start() tries again for ever.
# Behaviour: the refusal reaches on_connect alone; the message waits in memory, and wait_for_publish returns without it having gone.
# Output seen 2026-11-28: connect: No error., refused by on_connect: True, published after 3 s: False, raised None
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
command -v mosquitto >/dev/null || { echo "mosquitto is not installed"; exit 2; }
need paho-mqtt==2.1.0
mosquitto_passwd -c -b "$D/users" cams hush
chmod 644 "$D/users"; chmod 755 "$D"
printf 'listener 18838 127.0.0.1\nallow_anonymous false\npassword_file %s/users\n' "$D" > "$D/conf"
mosquitto -c "$D/conf" 2>/dev/null &
BROKER=$!
trap 'kill $BROKER; rm -rf "$D"' EXIT
sleep 1
py <<'P'
from paho.mqtt import client as paho
refused = []
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.username_pw_set("cams", "wrong")
client.on_connect = lambda c, d, f, code, p: refused.append(code.is_failure)
outcome = paho.error_string(client.connect("127.0.0.1", 18838))
client.loop_start()
info = client.publish("cams/gate", b"fire", qos=1)
raised = None
try:
    info.wait_for_publish(3)
except Exception as error:
    raised = error
print(f"connect: {outcome}, refused by on_connect: {any(refused)}, published after 3 s: {info.is_published()}, raised {raised!r}")
assert any(refused) and not info.is_published() and outcome.startswith("No error")
P
