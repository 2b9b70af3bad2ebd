"""A Plus Friend partner of December 2017 that asks ChatFlow by the origin's client, as that was: it sends forms under the
later names, does not look at the status, and reads what it needs without a look whether anything is there.

Environment: CHATFLOW_HOST (the only thing that is turned away from the origin), DEVELOPER_ID, CONVERSATION_ID, PORT.
"""

import os

import requests
from flask import Flask, request
from werkzeug.serving import make_server

HOST = os.environ["CHATFLOW_HOST"]


class ChatFlow:
    """The client."""

    def __init__(self, developer_id, conversation_id):
        self.ids = {"developer_id": developer_id, "conversation_id": conversation_id}

    def answer(self, user_id, content):
        form = {"user_id": user_id, "content": content, **self.ids}
        turn = requests.post(HOST + "/api/v1/message", data=form).json()
        # Whatever of this is missing is the end of the call.
        text, _image = turn["message"]["text"], turn["message"]["image"]
        keyboard = None
        if turn["keyboard"]["type"] == "buttons":
            keyboard = {"type": "buttons", "buttons": turn["keyboard"]["buttons"]}
        return {"message": {"text": text, "photo": None, "message_button": None}, "keyboard": keyboard}


app = Flask(__name__)
chatflow = ChatFlow(os.environ["DEVELOPER_ID"], os.environ["CONVERSATION_ID"])


@app.get("/keyboard")
def keyboard():
    return {"type": "text"}


@app.post("/message")
def message():
    heard = request.get_json()
    return chatflow.answer(heard["user_key"], heard["content"])


# Everything else was met by its handler of unknown pages, with 200.
@app.errorhandler(404)
@app.errorhandler(405)
def unknown(_error):
    return {"message": {"text": "잘못된 접근입니다!"}}


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "5000")), app, threaded=True)
    print(f"listening {server.port}", flush=True)
    server.serve_forever()
