"""A Plus Friend partner server as they were written in 2017: a small shop that tells its hours and its way.

It knows nobody but by `user_key`, and believes whoever calls it: keep it on the loopback interface or in a private
network.
"""

import os

from flask import Flask, request
from werkzeug.serving import make_server

app = Flask(__name__)
# The original platform garbled Korean where the charset was not said.
app.json.mimetype = "application/json; charset=utf-8"
app.json.ensure_ascii = False

HOME = {"type": "buttons", "buttons": ["영업시간", "오시는 길", "문의하기"]}
SUCCESS = {"code": 0, "message": "SUCCESS"}


def answer(content):
    """What is said to a text. Any text may come at any time, not the buttons' labels alone."""
    if content == "영업시간":
        return {"message": {"text": "매일 11시부터 20시까지입니다."}, "keyboard": HOME}
    if content == "오시는 길":
        button = {"label": "지도 보기", "url": "https://www.openstreetmap.org/#map=17/37.5663/126.9779"}
        return {"message": {"text": "시청역에서 걸어서 5분입니다.", "message_button": button}, "keyboard": HOME}
    if content == "문의하기":
        return {"message": {"text": "무엇이 궁금하세요?"}, "keyboard": {"type": "text"}}
    return {"message": {"text": f"남겨 주신 말씀: {content[:900]}"}, "keyboard": HOME}


@app.get("/keyboard")
def keyboard():
    return HOME


@app.post("/message")
def message():
    heard = request.get_json()
    if heard["type"] != "text":
        return {"message": {"text": "사진 잘 받았습니다."}, "keyboard": HOME}
    return answer(heard["content"])


@app.post("/friend")
@app.delete("/friend/<user_key>")
@app.delete("/chat_room/<user_key>")
def done(user_key=None):
    return SUCCESS


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "5000")), app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
