// The page's side: one conversation a tab. It is kept in sessionStorage, so that reloading the page resumes it.

const { createDirectLine, renderWebChat } = window.WebChat;

const KEPT = 'maru';
const ONLINE = 2;
const REFRESH_EVERY_MS = 10 * 60_000;

const keep = (session) => sessionStorage.setItem(KEPT, JSON.stringify(session));

/** The session with a fresh token, or nothing if its token is too old or its conversation is gone. */
async function refreshed(session) {
  const answer = await fetch(`${session.directLine}/tokens/refresh`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${session.token}` },
  });
  return answer.ok ? { ...session, ...(await answer.json()) } : undefined;
}

async function resumed() {
  const kept = sessionStorage.getItem(KEPT);
  return kept && refreshed(JSON.parse(kept)).catch(() => undefined);
}

async function begun() {
  const answer = await fetch('session', { method: 'POST' });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function connect({ directLine: domain, token, conversationId }, isResumed) {
  // Told a conversation, Direct Line goes on with it and tells its past; told none, it starts the token's own.
  return createDirectLine({ domain, token, conversationId: isResumed ? conversationId : undefined });
}

async function chat(place) {
  const old = await resumed();
  let session = old ?? (await begun());
  const directLine = connect(session, Boolean(old));

  // Only a conversation that was started can be resumed.
  directLine.connectionStatus$.subscribe((status) => {
    if (status === ONLINE) keep(session);
  });
  setInterval(async () => {
    session = (await refreshed(session).catch(() => undefined)) ?? session;
    keep(session);
  }, REFRESH_EVERY_MS);

  renderWebChat({
    directLine,
    userID: session.userId,
    locale: navigator.language,
    styleOptions: {
      accent: '#6b4423',
      backgroundColor: '#faf6f0',
      botAvatarInitials: '마루',
      botAvatarBackgroundColor: '#6b4423',
      bubbleBackground: '#fff',
      bubbleBorderColor: '#eadfce',
      bubbleBorderRadius: 14,
      bubbleFromUserBackground: '#f3e3cd',
      bubbleFromUserBorderColor: '#e5cfae',
      bubbleFromUserBorderRadius: 14,
      suggestedActionBorderRadius: 14,
    },
  }, place);
}

document.querySelector('#anew').addEventListener('click', () => {
  sessionStorage.removeItem(KEPT);
  location.reload();
});

const place = document.querySelector('#chat');
chat(place).catch((error) => {
  place.textContent = `Maru does not answer: ${error.message}`;
});
