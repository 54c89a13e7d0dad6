import type { CloudEvent } from 'cloudevents';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import { UncertainError } from '../api/uncertain-error.ts';
import { toHarmless } from '../log.ts';
import {
  type Answer,
  type Failed,
  type TooLarge,
  alive,
  notAllowed,
  notFound,
  toResponse,
  waiting,
} from './answers.ts';
import { receiveEvent } from './receive.ts';

/** What a function does with one event. Its log already says which event it is. */
export type Handler = (event: CloudEvent<unknown>, context: { readonly log: Logger }) => Promise<Answer>;

/** A function as an HTTP application: one CloudEvent in, at most one out. */
export function functionApp(name: string, handler: Handler, context: { readonly log: Logger }): Hono {
  const log = context.log.child({ function: name });
  const app = new Hono();
  app.post('/', ({ req }) => answerRequest(req.raw, handler, log));
  app.get('/healthz', alive);
  app.all('/', ({ req }) => refuse(log, req.method, req.path, notAllowed('POST')));
  app.all('/healthz', ({ req }) => refuse(log, req.method, req.path, notAllowed('GET, HEAD')));
  app.notFound(({ req }) => refuse(log, req.method, req.path, notFound()));
  app.onError((error) => {
    log.error({ status: 500, err: error }, 'failed');
    return toResponse({ kind: 'failed', error });
  });
  return app;
}

async function answerRequest(request: Request, handler: Handler, log: Logger): Promise<Response> {
  const start = performance.now();
  const received = await receiveEvent(request);
  if (received.kind !== 'done') return respond(received, log, start);

  const event = received.value;
  const eventLog = log.child({ event: { id: toHarmless(event.id), type: toHarmless(event.type) } });
  return respond(await ask(handler, event, eventLog), eventLog, start);
}

async function ask(handler: Handler, event: CloudEvent<unknown>, log: Logger): Promise<Answer | Failed> {
  try {
    return await handler(event, { log });
  } catch (error) {
    return error instanceof UncertainError ? waiting(toHarmless(error.message)) : { kind: 'failed', error };
  }
}

/** The one place where an answer leaves, with the one line that the log has about it. */
function respond(answer: Answer | TooLarge | Failed, log: Logger, start: number): Response {
  const response = toResponse(answer);
  const facts = {
    status: response.status,
    outcome: answer.kind,
    durationMs: Math.round(performance.now() - start),
  };
  switch (answer.kind) {
    case 'nothing':
    case 'reply':
      log.info({ ...facts, ...answer.facts }, 'handled');
      break;
    case 'refused-event': {
      const { error, found, expected } = answer;
      log.warn({ ...facts, error, found, expected }, 'refused');
      break;
    }
    case 'too-large':
      log.warn({ ...facts, limit: answer.limit }, 'refused');
      break;
    case 'waiting':
      log.warn({ ...facts, reason: answer.message }, 'waiting');
      break;
    case 'failed':
      log.error({ ...facts, err: answer.error }, 'failed');
      break;
  }
  return response;
}

function refuse(log: Logger, method: string, path: string, response: Response): Response {
  log.warn({ status: response.status, method, path: toHarmless(path) }, 'refused');
  return response;
}
