// What botframework-directlinejs expects of a browser, for Node: an XMLHttpRequest and a WebSocket.
//
// Node has FormData and Blob of its own. xhr2 is a real XMLHttpRequest, except that it cannot send a FormData, which is
// how the client uploads files: that one thing is added here, with Node's own multipart encoder. The client is unmodified.

import { createRequire } from 'node:module';

import WebSocket from 'ws';

const XhrOfNode = createRequire(import.meta.url)('xhr2');

/** xhr2, and FormData. */
class XMLHttpRequest extends XhrOfNode {
  send(data) {
    if (!(data instanceof FormData)) {
      super.send(data);
      return;
    }
    const encoded = new Response(data);
    this.setRequestHeader('Content-Type', encoded.headers.get('content-type'));
    encoded.arrayBuffer().then((bytes) => super.send(Buffer.from(bytes)));
  }
}

globalThis.XMLHttpRequest = XMLHttpRequest;
globalThis.WebSocket = WebSocket;

/** A WebSocket class whose open sockets can be cut from outside, as a network that goes away would. */
export function cuttableSockets() {
  const open = new Set();
  return {
    WebSocket: class extends WebSocket {
      constructor(url) {
        super(url);
        open.add(this);
        this.once('close', () => open.delete(this));
      }
    },
    /** Drops every connection without a closing handshake. Returns how many there were. */
    cut() {
      const count = open.size;
      for (const socket of open) socket.terminate();
      return count;
    },
    /** How many sockets are there now. */
    get count() {
      return open.size;
    },
  };
}
