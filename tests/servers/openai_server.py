# ruff: noqa: ANN401, T201
"""A small OpenAI-compatible server that really answers: one transformers model, one request at a time.

    python tests/servers/openai_server.py MODEL_DIRECTORY --name tiny --port 0

prints the port it got. It knows /v1/models and /v1/chat/completions with image data URLs, logprobs, top_logprobs,
continue_final_message and an optional key. It calls ``generate`` itself and shares no code with the client it is there
to test. ``POST /faults`` with a JSON list makes the next completions go wrong, one entry each:
"ok", "slow", "429", "500", "400", "close", "nonsense", "truncated", "empty", "types", "huge", "echo_key"; "twice" sends
another request's answer right behind the right one, "other" sends it instead, named after the request it belongs to,
"drip" a byte now and then, and "die" is the end of the server. A number is a status, an object is the body of a reply
with status 200; {"every": entry} makes all completions from then on go wrong that way.
``GET /stats`` tells how many completions were asked for and how many were under way at once.
With ``--nursery`` the model is loaded once, and every line on stdin starts another server process with it, whose id is
printed: servers that are killed again and again.
"""

import argparse
import base64
import io
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor


class Model:
    """The served model."""

    def __init__(self, folder: str, most_shown: int, deaf: bool) -> None:
        torch.set_num_threads(1)
        self.processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        self.model = AutoModelForImageTextToText.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        ).eval()
        self.lock = threading.Lock()
        self.most_shown, self.deaf = most_shown, deaf

    @torch.inference_mode()
    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        options = (
            {"add_generation_prompt": True}
            if self.deaf
            else {
                "add_generation_prompt": body.get("add_generation_prompt", True),
                "continue_final_message": body.get("continue_final_message", False),
            }
        )
        turns = [{"role": m["role"], "content": _parts(m["content"])} for m in body["messages"]]
        inputs = self.processor.apply_chat_template(
            turns, tokenize=True, return_dict=True, return_tensors="pt", **options
        )
        with self.lock:
            output = self.model.generate(
                **inputs,
                max_new_tokens=body.get("max_tokens", 16),
                do_sample=False,
                return_dict_in_generate=True,
                output_logits=True,
            )
        length = inputs["input_ids"].shape[1]
        written = output.sequences[0, length:].tolist()
        ends = self.model.generation_config.eos_token_id
        ended = written[-1] in (ends if isinstance(ends, list) else [ends, self.processor.tokenizer.eos_token_id])
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop" if ended else "length"}
        choice["message"] = {"role": "assistant", "content": self.text(written)}
        if body.get("logprobs"):
            shown = min(body.get("top_logprobs", 0), self.most_shown)
            spread = [logits[0].float().log_softmax(-1) for logits in output.logits]
            choice["logprobs"] = {"content": [self.place(s, t, shown) for s, t in zip(spread, written, strict=True)]}
        usage = {"prompt_tokens": length, "completion_tokens": len(written), "total_tokens": length + len(written)}
        return {
            "id": f"chatcmpl-{time.monotonic_ns()}",
            "object": "chat.completion",
            "choices": [choice],
            "usage": usage,
        }

    def text(self, ids: list[int]) -> str:
        decoded: str = self.processor.tokenizer.decode(ids, skip_special_tokens=True)
        return decoded

    def place(self, spread: torch.Tensor, token: int, shown: int) -> dict[str, Any]:
        top = spread.topk(shown)
        options = [self.option(i, p) for i, p in zip(top.indices.tolist(), top.values.tolist(), strict=True)]
        return {**self.option(token, float(spread[token])), "top_logprobs": options}

    def option(self, token: int, logprob: float) -> dict[str, Any]:
        text = self.processor.tokenizer.decode([token])
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _parts(content: Any) -> Any:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_part(part) for part in content]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] != "image_url":
        return part
    encoded = part["image_url"]["url"].partition("base64,")[2]
    return {"type": "image", "image": Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")}


class Server(ThreadingHTTPServer):
    """Holds the model, the faults to come and the counts."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], model: Model, options: argparse.Namespace) -> None:
        super().__init__(address, Handler)
        self.model, self.options = model, options
        self.faults: list[Any] = []
        self.stats = {"completions": 0, "at_once": 0, "most_at_once": 0}
        self.guard = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        options = self.server.options
        if self.path == "/stats":
            self.reply(200, self.server.stats)
        elif self.path == "/v1/models" and options.unlisted:
            self.reply(404, {"error": "no such path"})
        elif self.path == "/v1/models" and self.allowed():
            self.reply(
                200, {"object": "list", "data": [{"id": options.name, "object": "model", "root": options.folder}]}
            )
        elif self.path != "/v1/models":
            self.reply(404, {"error": "no such path"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or "null")
        if self.path == "/faults":
            self.server.faults = body
            self.reply(200, {})
        elif self.path == "/v1/chat/completions" and self.allowed():
            self.completion(body)
        elif self.path != "/v1/chat/completions":
            self.reply(404, {"error": "no such path"})

    def allowed(self) -> bool:
        key = self.server.options.key
        if key is None or self.headers.get("authorization") == f"Bearer {key}":
            return True
        self.reply(401, {"error": f"wrong key: {self.headers.get('authorization')}"})
        return False

    def completion(self, body: dict[str, Any]) -> None:
        stats = self.server.stats
        with self.server.guard:
            stats["completions"] += 1
            stats["at_once"] += 1
            stats["most_at_once"] = max(stats["most_at_once"], stats["at_once"])
            fault = self.server.faults.pop(0) if self.server.faults else "ok"
            if isinstance(fault, dict) and "every" in fault:
                self.server.faults, fault = [fault], fault["every"]
        try:
            self.faulty(fault, body)
        finally:
            with self.server.guard:
                stats["at_once"] -= 1

    def faulty(self, fault: Any, body: dict[str, Any]) -> None:
        if isinstance(fault, dict):
            self.reply(200, fault)
        elif fault == "die":
            os.kill(os.getpid(), 9)
        elif fault == "close":
            self.close_connection = True
            self.connection.close()
        elif fault.isdigit() or fault == "echo_key":
            said = self.headers.get("authorization") if fault == "echo_key" else f"fault {fault}"
            self.reply(400 if fault == "echo_key" else int(fault), {"error": said}, {"Retry-After": "0"})
        elif fault == "drip":
            self.drip()
        elif fault in _NONSENSE:
            self.reply(200, _NONSENSE[fault])
        else:
            self.genuine(fault, body)

    def genuine(self, fault: str, body: dict[str, Any]) -> None:
        options, most = self.server.options, self.server.options.most_shown
        if fault == "slow":
            time.sleep(1.5)
        if options.strict and body.get("top_logprobs", 0) > most:
            self.reply(400, {"error": f"top_logprobs must be between 0 and {most}"})
            return
        if options.no_prefix and "continue_final_message" in body:
            self.reply(400, {"error": {"message": "Unknown parameter: 'continue_final_message'"}})
            return
        name = self.headers.get("x-request-id", "unnamed")
        full = json.dumps({**self.server.model.complete(body), "id": f"chatcmpl-{name}"}).encode()
        self.reply(200, full[: len(full) // 2] if fault == "truncated" else full)
        if fault == "twice":
            self.reply(200, {"choices": [{"message": {"role": "assistant", "content": "1.0 somebody else's"}}]})

    def drip(self) -> None:
        self.send_response(200)
        self.end_headers()  # without a length: until the connection ends
        for _ in range(100):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.1)

    def reply(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


_NONSENSE: dict[str, Any] = {
    "huge": b'{"choices": "' + b"x" * 6_000_000 + b'"}',
    "nonsense": b"<html>Bad gateway, but with status 200</html>",
    "empty": {"choices": []},
    "halves": b'{"choices": [{"message": {"content": "0.5 \\ud800 \\u0000"}}], "usage": {"prompt_tokens": 1e99}}',
    "types": {"choices": [{"message": {"content": 7}, "logprobs": {"content": [{"token": 1}]}}], "usage": "many"},
    "list": [1, 2, 3],
    "other": {
        "id": f"chatcmpl-anyanomaly-{'0' * 32}",
        "choices": [{"message": {"role": "assistant", "content": "1.0 somebody else's"}}],
    },
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--name", default="tiny")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key")
    parser.add_argument("--most-shown", type=int, default=20, help="limit of top_logprobs")
    parser.add_argument("--strict", action="store_true", help="refuses to be asked for more than that")
    parser.add_argument("--unlisted", action="store_true", help="has no /v1/models")
    parser.add_argument("--deaf", action="store_true", help="does not know continue_final_message")
    parser.add_argument("--no-prefix", action="store_true", help="refuses continue_final_message")
    parser.add_argument("--nursery", action="store_true", help="a server for each line on stdin, one after the other")
    options = parser.parse_args()
    model = Model(options.folder, options.most_shown, options.deaf)
    if options.nursery:
        nursery(model, options)
    else:
        serve(model, options)


def serve(model: Model, options: argparse.Namespace) -> None:
    server = Server(("127.0.0.1", options.port), model, options)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def nursery(model: Model, options: argparse.Namespace) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead leave no zombies
    child = 0
    while sys.stdin.readline():
        child = os.fork()
        if child == 0:
            with Path(os.devnull).open("r+") as nothing:
                os.dup2(nothing.fileno(), 0)
                os.dup2(nothing.fileno(), 1)
            serve(model, options)
        print(child, flush=True)
    if child:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
