// What the four arguments of `connectChat` may be. The server checks them again.

const REALM = /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const DN = /^[0-9A-Za-z*#+_.-]{1,32}$/;
/** Printable ASCII without blanks, quotes of any kind and angle brackets. */
const TEL = /^[!#-&(-;=?-_a-~]{1,64}$/;

/** Whether `value` names a realm: a host name. */
export function isRealm(value: unknown): value is string {
  return typeof value === 'string' && REALM.test(value);
}

/** Whether `value` can be dialed. */
export function isDn(value: unknown): value is string {
  return typeof value === 'string' && DN.test(value);
}

/** Whether `value` can name a customer: a phone number, or an id of the site's own. */
export function isTel(value: unknown): value is string {
  return typeof value === 'string' && TEL.test(value);
}

/**
 * The address of a socket as the browser takes it; `undefined` if it is none, or if a page of `pageProtocol` may not open it:
 * a page that came by https may not open `ws:`.
 */
export function socketAddress(value: unknown, pageProtocol: string): string | undefined {
  if (typeof value !== 'string' || /\s/.test(value.trim())) return undefined;
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return undefined;
  }
  const known = url.protocol === 'wss:' || (url.protocol === 'ws:' && pageProtocol !== 'https:');
  return known && url.host && !url.hash && !url.username && !url.password ? url.href : undefined;
}
