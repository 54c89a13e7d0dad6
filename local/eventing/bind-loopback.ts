import { once } from 'node:events';
import type { Server } from 'node:http';

/** Binds a server to a port of this machine alone, and says which; 0 takes a free one. */
export async function bindLoopback(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return address.port;
}
