// What the address says: whom to call, as whom, and by which server.

import { isDn, isRealm, isTel, socketAddress } from 'nx-web-api';

import { type Language, languageOf } from './texts';

/** The documented parameters of the address. */
export interface Parameters {
  realm: string;
  dn: string;
  tel: string;
  /** The socket's address. */
  url: string;
}

/** What is wrong with an address. */
export type Fault = 'realm' | 'dn_number' | 'tel_number' | 'url' | 'foreign_url' | 'insecure_url';

/** Where the page is. */
export interface Place {
  protocol: string;
  hostname: string;
  host: string;
  search: string;
}

/** Where the parameters of a page are kept for its reload: they are dropped from the address. */
const STORED = 'webchat';

/**
 * The parameters in the address. `hosts` are the servers beside this page's own that it may be pointed at: else anybody could
 * make this page speak for a server of theirs.
 */
export function parametersOf(place: Place, hosts: readonly string[]): Parameters | { faults: Fault[] } {
  const query = new URLSearchParams(place.search);
  const [realm, dn, tel] = [query.get('realm'), query.get('dn_number'), query.get('tel_number')];
  const given = query.get('url') ?? `${place.protocol === 'https:' ? 'wss:' : 'ws:'}//${place.host}/`;
  const url = socketAddress(given, place.protocol);
  const faults: Fault[] = [];
  if (!isRealm(realm)) faults.push('realm');
  if (!isDn(dn)) faults.push('dn_number');
  if (!isTel(tel)) faults.push('tel_number');
  if (url === undefined) faults.push(socketAddress(given, 'http:') === undefined ? 'url' : 'insecure_url');
  else if (!isKnown(url, place, hosts)) faults.push('foreign_url');
  if (faults.length > 0 || !isRealm(realm) || !isDn(dn) || !isTel(tel) || url === undefined) return { faults };
  return { realm, dn, tel, url };
}

/** The language that is asked for by the address, else the browser's. */
export function languageOfPage({ search }: Place, browser: string): Language {
  return languageOf(new URLSearchParams(search).get('lang') ?? browser);
}

/**
 * The place as the address says it. Parameters are taken out of it, for they name a person, and kept for a reload of this tab.
 */
export function takePlace(): Place {
  const { protocol, hostname, host } = location;
  let { search } = location;
  try {
    if (search) sessionStorage.setItem(STORED, search);
    else search = sessionStorage.getItem(STORED) ?? '';
    if (location.search) history.replaceState(null, '', location.pathname);
  } catch {
    // Without a storage the address keeps them, or a reload would not find them.
  }
  return { protocol, hostname, host, search };
}

/** Servers that the page may be pointed at, as the server that gave it says. */
export function knownHosts(page: Document): string[] {
  const content = page.querySelector('meta[name="nxchat-hosts"]')?.getAttribute('content') ?? '';
  return content.split(/\s+/).filter(Boolean);
}

function isKnown(url: string, place: Place, hosts: readonly string[]): boolean {
  const { hostname, host } = new URL(url);
  return hostname === place.hostname || hosts.includes(hostname) || hosts.includes(host);
}
