// A partner server as they were written for Node: Express, which says the charset and leaves Hangul as it is. What it says
// is in README.md, under "Plus Friend partners".

import express from 'express';

const HOME = { type: 'buttons', buttons: ['#점심 선택', '#결과 보기', '#설정'] };
const REGISTERED = {
  message: {
    text: '귀하의 차량이 성공적으로 등록되었습니다. 축하합니다!',
    photo: { url: 'https://photo.src', width: 640, height: 480 },
    message_button: { label: '주유 쿠폰받기', url: 'https://coupon/url' },
  },
  keyboard: { type: 'buttons', buttons: ['처음으로', '다시 등록하기', '취소하기'] },
};
const SUCCESS = { code: 0, message: 'SUCCESS' };
const calls = [];

const app = express();
app.get('/calls', (_, response) => response.json(calls));
// As it came, before anything reads it.
app.use(express.text({ type: '*/*' }), ({ method, path, headers, body }, _, next) => {
  calls.push({ method, path, headers, body: body ?? '' });
  next();
});

async function answer({ type, content }) {
  if (type !== 'text') {
    const bytes = await (await fetch(content)).arrayBuffer();
    return { message: { text: `${type}: ${bytes.byteLength}` } };
  }
  if (content === '차량번호등록') return REGISTERED;
  if (content === '#설정') return { message: { text: '무엇을 바꿀까요?' }, keyboard: { type: 'text' } };
  return { message: { text: `들은 말: ${content}` }, keyboard: HOME };
}

app.get('/keyboard', (_, response) => response.json(HOME));
app.post('/message', async ({ body }, response) => response.json(await answer(JSON.parse(body))));
app.post('/friend', (_, response) => response.json(SUCCESS));
app.delete(['/friend/:userKey', '/chat_room/:userKey'], (_, response) => response.json(SUCCESS));

const server = app.listen(Number(process.env.PORT ?? 5000), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`);
});
