/** A place in a trace, as W3C Trace Context has it: what one part hands on to the next. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  /** Two hexadecimal digits; the last bit says that the trace is sampled. */
  readonly flags: string;
  /** What vendors carry along. We hand it on as it is. */
  readonly state?: string;
}

const traceparent = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
// A later version may append fields, which the specification does not bound.
const longestParent = 256;
// So many must be handed on, and a state that is longer may be left out (W3C Trace Context, section 3.3.1.5).
const longestState = 512;

/**
 * Reads a trace context. Whatever is no valid one counts as none, as the specification asks: a sender cannot make a
 * function refuse an event by it, and some channels of Knative write both attributes empty.
 */
export function parseTraceContext(parent: unknown, state: unknown): TraceContext | undefined {
  if (typeof parent !== 'string' || parent.length > longestParent) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = traceparent.exec(parent.trim()) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const context = { traceId, spanId, flags };
  return isTraceState(state) ? { ...context, state } : context;
}

/** Only the form is looked at: the members are the vendors'. */
function isTraceState(state: unknown): state is string {
  return typeof state === 'string' && state.length <= longestState && /^[\x21-\x7e][\x20-\x7e]*$/.test(state);
}

/** A context as HTTP headers; the attributes of CloudEvents' Distributed Tracing extension have the same names. */
export function toTraceHeaders({ traceId, spanId, flags, state }: TraceContext): Record<string, string> {
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    ...(state !== undefined && { tracestate: state }),
  };
}
