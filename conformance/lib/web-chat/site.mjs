// A customer's site, at `localhost`, with Maru's script in its page; Maru itself is at 127.0.0.1.

import { createServer } from 'node:http';

/** The documents' own sample, typed afresh: what its callback logs, and what comes to it. */
const SAMPLE = `
  window.heard = [];
  window.logged = [];
  var setChatCallback = function (jsonString) {
    heard.push(jsonString);
    var event = JSON.parse(jsonString);
    if (event) {
      switch (event.Type) {
        case 'Connecting':
          logged.push('서버 접속 시도...');
          break;
        case 'Ringing':
          logged.push('서버 접속 응답중');
          break;
        case 'InCall':
          logged.push('서버 접속 완료');
          break;
        case 'Clear':
          logged.push('서버 접속 종료 또는 실패');
          break;
      }
      if (event.Type == 'Message_C') {
        switch (event.Data.status) {
          case 'i_customs_message_send':
            logged.push('메시지 전송 : ' + event.Data.content);
            break;
          case 'i_customs_message':
            logged.push('메시지 수신 : ' + event.Data.content);
            break;
        }
      }
    }
  };
  nxWebApi.SetCallBack(setChatCallback);`;

/** Serves the page. `stage` gives the server whose script it loads, once it is there. */
export async function startSite(stage) {
  const server = createServer((_request, response) => {
    const page = `<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><title>A shop</title><link rel="icon" href="data:,">
<script src="${stage().maru.url}/nxWebApi.js"></script></head>
<body><h1>A shop</h1><script>${SAMPLE}</script></body></html>`;
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://localhost:${server.address().port}`;
  return { origin, close: () => server.close() };
}
