import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

// This file runs in a container, alone: it imports nothing but node's own. It keeps what senders of OTLP post, as it
// came, and shows it at /kept.

/** A request as it came. */
export interface Kept {
  readonly path: string;
  readonly contentType: string;
  readonly base64: string;
}

const kept: Kept[] = [];
// All parts of Knative send here while tests run.
let room = 64 * 1024 * 1024;

createServer((request, response) => {
  if (request.url === '/kept') return void response.end(JSON.stringify(kept));
  void buffer(request).then((body) => {
    room -= body.length;
    const contentType = request.headers['content-type'] ?? '';
    if (room > 0) kept.push({ path: request.url ?? '', contentType, base64: body.toString('base64') });
    return response.writeHead(200, { 'content-type': contentType }).end();
  });
}).listen(4318);
