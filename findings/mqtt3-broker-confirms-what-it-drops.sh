#!/bin/sh
# An MQTT 3.1.1 broker confirms a message that the user may not publish, and throws it away; only MQTT 5 says so.
# Version: mosquitto 2.0.11 (Debian), paho-mqtt==2.1.0. Source: MQTT 3.1.1, section 3.3.5; MQTT 5.0, section 3.4.2.1, reason code 0x87.
# Behaviour: at QoS 1 both protocols get a PUBACK; under 3.1.1 it reads as success, under 5 as "Not authorized". is_published() is true for both.
# Output seen 2026-11-28: 3.1.1: Success, is_published True; 5: Not authorized, is_published True
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
command -v mosquitto >/dev/null || { echo "mosquitto is not installed"; exit 2; }
need paho-mqtt==2.1.0
mosquitto_passwd -c -b "$D/users" cams hush
chmod 644 "$D/users"; chmod 755 "$D"
printf 'user cams\ntopic readwrite cams/#\n' > "$D/rights"
printf 'listener 18839 127.0.0.1\nallow_anonymous false\npassword_file %s/users\nacl_file %s/rights\n' "$D" "$D" > "$D/conf"
mosquitto -c "$D/conf" 2>/dev/null &
BROKER=$!
trap 'kill $BROKER; rm -rf "$D"' EXIT
sleep 1
py <<'P'
import threading
from paho.mqtt import client as paho
said = []
for name, protocol in (("3.1.1", paho.MQTTv311), ("5", paho.MQTTv5)):
    confirmed, codes = threading.Event(), []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=protocol)
    client.username_pw_set("cams", "hush")
    client.on_publish = lambda c, d, n, code, p: (codes.append(str(code)), confirmed.set())
    client.connect("127.0.0.1", 18839)
    client.loop_start()
    info = client.publish("forbidden/topic", b"fire", qos=1)
    confirmed.wait(10)
    said.append(f"{name}: {codes[0]}, is_published {info.is_published()}")
    client.disconnect()
    client.loop_stop()
print("; ".join(said))
assert said == ["3.1.1: Success, is_published True", "5: Not authorized, is_published True"]
P
