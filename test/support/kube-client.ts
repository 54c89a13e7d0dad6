import type { AnswerRequest } from './answering-api-server.ts';

/** An object as it is sent to the API server. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly [field: string]: unknown;
}

/** An object as the API server shows it. */
export interface Stored extends Manifest {
  readonly metadata: Manifest['metadata'] & {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
  };
}

/** The kind of an object, and where to look. */
interface Where {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** The API server said no. */
export class KubeError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One request. */
interface Asking {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** The object, a list of options, or a patch: a merge patch, unless `type` says otherwise. */
  readonly content?: unknown;
  readonly type?: string | undefined;
  /** Whom an administrator impersonates. */
  readonly user?: string;
  readonly groups?: readonly string[];
}

/** What the API server answered: the object, or what it said instead. */
export interface Answer {
  readonly status: number;
  readonly message: string;
  /** What kubectl would print beside the result; empty where there is nothing to say. */
  readonly warning: string;
  readonly object: Stored;
}

/** What people do with kubectl. Each call but `ask` throws a `KubeError` where the API server refuses. */
export interface KubeClient {
  ask(asking: Asking): Promise<Answer>;
  /** Asks, and throws unless it is done. */
  must(asking: Asking): Promise<Stored>;
  create(object: Manifest): Promise<Stored>;
  /** A merge patch. */
  edit(object: Manifest, patch: object, subresource?: 'status'): Promise<Stored>;
  replace(object: Stored): Promise<Stored>;
  /** Server-side apply. */
  apply(object: Manifest): Promise<Stored>;
  delete(object: Manifest): Promise<void>;
  /** Undefined: it is not there, or its kind is not served. */
  get(object: Manifest): Promise<Stored | undefined>;
  list(where: Where): Promise<Stored[]>;
}

/** A client for an API server that asks for no credentials. */
export function createKubeClient(server: string, fetchFrom: AnswerRequest = fetch): KubeClient {
  async function ask({ method, path, content, type, user, groups = [] }: Asking): Promise<Answer> {
    const usual = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers: [string, string][] = [['accept', 'application/json']];
    if (content !== undefined) headers.push(['content-type', type ?? usual]);
    if (user !== undefined) headers.push(['impersonate-user', user]);
    for (const group of groups) headers.push(['impersonate-group', group]);
    const body = content === undefined ? {} : { body: JSON.stringify(content) };
    const response = await fetchFrom(`${server}${path}`, { method, headers, ...body });
    const text = await response.text();
    const warning = response.headers.get('warning') ?? '';
    const { status, ok } = response;
    if (ok) return { status, message: '', warning, object: JSON.parse(text) as Stored };
    return { status, message: toWords(text), warning, object: {} as Stored };
  }

  async function must(asking: Asking): Promise<Stored> {
    const { status, message, object } = await ask(asking);
    if (status < 300) return object;
    throw new KubeError(status, message);
  }

  return {
    ask,
    must,
    create: (object) => must({ method: 'POST', path: toListPath(object), content: object }),
    edit: (object, patch, subresource) => {
      const path = subresource ? `${toPath(object)}/${subresource}` : toPath(object);
      return must({ method: 'PATCH', path, content: patch });
    },
    replace: (object) => must({ method: 'PUT', path: toPath(object), content: object }),
    apply: (object) => {
      const path = `${toPath(object)}?fieldManager=kubectl&force=true`;
      return must({ method: 'PATCH', path, content: object, type: applyPatch });
    },
    delete: async (object) => void (await must({ method: 'DELETE', path: toPath(object) })),
    get: async (object) => {
      const path = toPath(object);
      const { status, message, object: found } = await ask({ method: 'GET', path });
      if (status === 404) return undefined;
      if (status >= 300) throw new KubeError(status, message);
      return found;
    },
    list: async ({ apiVersion, kind, namespace, labelSelector, fieldSelector }) => {
      const query = new URLSearchParams({
        ...(labelSelector !== undefined && { labelSelector }),
        ...(fieldSelector !== undefined && { fieldSelector }),
      });
      const metadata = { name: '', ...(namespace !== undefined && { namespace }) };
      const path = `${toListPath({ apiVersion, kind, metadata })}?${query.toString()}`;
      const list: unknown = await must({ method: 'GET', path });
      // The items of a list do not say what they are.
      return (list as { items: Stored[] }).items.map((item) => ({ ...item, apiVersion, kind }));
    },
  };
}

/** The type of a server-side apply. */
export const applyPatch = 'application/apply-patch+yaml';

/** Where objects of this kind, in this namespace, are listed and created. */
export function toListPath({
  apiVersion,
  kind,
  metadata,
}: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${kind.toLowerCase().replace(/y$/, 'ie')}s`;
}

/** Where this object is. */
export function toPath(object: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): string {
  return `${toListPath(object)}/${encodeURIComponent(object.metadata.name)}`;
}

function toWords(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: string }).message);
  } catch {
    return text.slice(0, 200);
  }
}
