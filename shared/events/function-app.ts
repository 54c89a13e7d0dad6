import type { CloudEvent } from 'cloudevents';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import { UncertainError } from '../api/uncertain-error.ts';
import { redact } from '../text/redact.ts';
import {
  type Answer,
  type Failed,
  type TooLarge,
  alive,
  notAllowed,
  notFound,
  refusedEvent,
  toHttpAnswer,
  waiting,
} from './answers.ts';
import { readCorrelationId } from './correlation.ts';
import { type Span, type StartSpan, handOn, runIn } from '../telemetry/span.ts';
import { type EventRequest, type HttpAnswer, toResponse } from './http-answer.ts';
import { receiveEvent, toRoomFor } from './receive-event.ts';
import { type Room, createRoom } from './room.ts';
import { type Received, toEventWork, toOutcomeAttributes } from './event-span.ts';

/**
 * How many bytes of bodies one process holds at once, from the first byte to the answer: more than two of the largest
 * objects that etcd takes, because a body without a declared length (HTTP's chunks) needs `maxBytes` free until it is
 * read. A body takes its bytes twice while it is put together, its text once or twice, and up to 20 times as much when
 * it is parsed (`{},` has 3 bytes, an object 56): 75 MB at worst. With what is not collected yet of earlier ones, 140
 * MB were measured, beside 70 at rest, in the 256 MiB of the smallest mappers. A usual event has 5 kB, so 600 fit.
 */
const roomForBodies = 3 * 1024 * 1024;

/** What a handler is given beside the event. */
interface HandlerContext {
  /** It names the event in each line. */
  readonly log: Logger;
  /**
   * A handler that takes long calls it when it needs nothing of the event any more. Until then the body counts as in
   * memory, and others may wait for room. Such a handler is not `async`, or it would keep the event while it waits.
   */
  readonly release?: () => void;
}

/** What a function does with one event. */
export type Handler = (event: CloudEvent<unknown>, context: HandlerContext) => Promise<Answer>;

/** A function as an HTTP application: one CloudEvent in, at most one out. */
export function functionApp(
  name: string,
  handler: Handler,
  context: { readonly log: Logger; readonly startSpan?: StartSpan },
): Hono {
  const log = context.log.child({ function: name });
  const room = createRoom(roomForBodies);
  const parts = { handler, log, startSpan: context.startSpan ?? handOn };
  const app = new Hono();
  app.post('/', async (c) => toResponse(await answerInRoom(c.req.raw, room, parts), c));
  app.get('/healthz', (c) => toResponse(alive(), c));
  app.all('/', (c) => toResponse(refuse(log, c.req, notAllowed('POST')), c));
  app.all('/healthz', (c) => toResponse(refuse(log, c.req, notAllowed('GET, HEAD')), c));
  app.notFound((c) => toResponse(refuse(log, c.req, notFound()), c));
  app.onError((error, c) => {
    log.error({ status: 500, err: error }, 'failed');
    return toResponse(toHttpAnswer({ kind: 'failed', error }), c);
  });
  return app;
}

interface Parts {
  readonly handler: Handler;
  readonly log: Logger;
  readonly startSpan: StartSpan;
}

/** Reads the body only when there is room. Until then the sender keeps it. */
async function answerInRoom(
  request: EventRequest,
  room: Room,
  { handler, log, startSpan }: Parts,
): Promise<HttpAnswer> {
  const start = performance.now();
  const place = await room.enter(toRoomFor(request), request.signal);
  if (place === 'gone') return respond(refusedEvent('the request ended early'), log, { start });
  try {
    const release = () => place.shrink(0);
    const answering = receiveEvent(request, (bytes) => place.shrink(bytes)).then((received) => {
      const span = startSpan(toEventWork(received, request.headers, start));
      return runIn(span, answerReceived, received, { handler, log, release }, { start, span });
    });
    return await answering;
  } finally {
    place.shrink(0);
  }
}

/** Not `async`, nor is `ask`: an async function keeps its arguments while it waits, even after the event was released. */
function answerReceived(
  received: Received,
  { handler, log, release }: Required<HandlerContext> & { readonly handler: Handler },
  asked: Asked,
): HttpAnswer | Promise<HttpAnswer> {
  if (received.kind !== 'done') return respond(received, log, asked);

  const eventLog = log.child({ event: toLoggedEvent(received.value) });
  return ask(handler, received.value, { log: eventLog, release }).then((answer) =>
    respond(answer, eventLog, asked),
  );
}

function toLoggedEvent(event: CloudEvent<unknown>) {
  const correlationId = readCorrelationId(event);
  return {
    id: redact(event.id),
    type: redact(event.type),
    ...(correlationId !== undefined && { correlationId: redact(correlationId) }),
  };
}

function ask(
  handler: Handler,
  event: CloudEvent<unknown>,
  context: HandlerContext,
): Promise<Answer | Failed> {
  return begin(handler, event, context).catch((error: unknown) =>
    error instanceof UncertainError ? waiting(redact(error.message)) : { kind: 'failed', error },
  );
}

/** What a handler throws at once is a rejection too. */
async function begin(handler: Handler, event: CloudEvent<unknown>, context: HandlerContext): Promise<Answer> {
  return handler(event, context);
}

/** When a request came, and its place in a trace. */
interface Asked {
  readonly start: number;
  readonly span?: Span | undefined;
}

/** The one place where an answer leaves, with its one log line. */
function respond(answer: Answer | TooLarge | Failed, log: Logger, { start, span }: Asked): HttpAnswer {
  const response = toHttpAnswer(answer, span?.context);
  if (span) {
    const { attributes, error } = toOutcomeAttributes(answer, response.status);
    span.end(attributes, error);
  }
  // Each fact is cut, whatever the handler says.
  const facts = {
    status: response.status,
    outcome: answer.kind,
    durationMs: Math.round(performance.now() - start),
  };
  switch (answer.kind) {
    case 'nothing':
    case 'reply':
      log.info({ ...facts, ...toShortFacts(answer.facts) }, 'handled');
      break;
    case 'refused-event': {
      const { error, found, expected } = answer;
      log.warn({ ...facts, ...toShortFacts({ error, found, expected }) }, 'refused');
      break;
    }
    case 'too-large':
      log.warn({ ...facts, limit: answer.limit }, 'refused');
      break;
    case 'waiting':
      log.warn({ ...facts, reason: redact(answer.message) }, 'waiting');
      break;
    case 'failed':
      log.error({ ...facts, err: answer.error }, 'failed');
      break;
  }
  return response;
}

function toShortFacts(facts: Readonly<Record<string, string | number | boolean | undefined>>) {
  return Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [name, typeof fact === 'string' ? redact(fact) : fact]),
  );
}

function refuse(
  log: Logger,
  { method, path }: { readonly method: string; readonly path: string },
  answer: HttpAnswer,
): HttpAnswer {
  log.warn({ status: answer.status, method, path: redact(path) }, 'refused');
  return answer;
}
