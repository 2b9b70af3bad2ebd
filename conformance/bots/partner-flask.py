"""A partner server as they were written in Python: Flask as it comes, so without a charset and with escaped Hangul.

What it says is in README.md, under "Plus Friend partners".
"""

import os
import urllib.request

from flask import Flask, request
from werkzeug.serving import make_server

app = Flask(__name__)

HOME = {"type": "buttons", "buttons": ["#점심 선택", "#결과 보기", "#설정"]}
REGISTERED = {
    "message": {
        "text": "귀하의 차량이 성공적으로 등록되었습니다. 축하합니다!",
        "photo": {"url": "https://photo.src", "width": 640, "height": 480},
        "message_button": {"label": "주유 쿠폰받기", "url": "https://coupon/url"},
    },
    "keyboard": {"type": "buttons", "buttons": ["처음으로", "다시 등록하기", "취소하기"]},
}
SUCCESS = {"code": 0, "message": "SUCCESS"}
calls = []


@app.before_request
def note():
    if request.path != "/calls":
        headers = {name.lower(): value for name, value in request.headers}
        call = {"method": request.method, "path": request.path, "headers": headers}
        calls.append({**call, "body": request.get_data(as_text=True)})


@app.get("/calls")
def told():
    return calls


@app.get("/keyboard")
def keyboard():
    return HOME


@app.post("/message")
def message():
    heard = request.get_json()
    kind, content = heard["type"], heard["content"]
    if kind != "text":
        with urllib.request.urlopen(content) as answer:
            size = len(answer.read())
        return {"message": {"text": f"{kind}: {size}"}}
    if content == "차량번호등록":
        return REGISTERED
    if content == "#설정":
        return {"message": {"text": "무엇을 바꿀까요?"}, "keyboard": {"type": "text"}}
    return {"message": {"text": f"들은 말: {content}"}, "keyboard": HOME}


@app.post("/friend")
@app.delete("/friend/<user_key>")
@app.delete("/chat_room/<user_key>")
def done(user_key=None):
    return SUCCESS


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "5000")), app, threaded=True)
    print(f"listening {server.port}", flush=True)
    server.serve_forever()
