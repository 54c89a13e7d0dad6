import { compareText } from '../../identity/canonical.ts';
import { ForbiddenError } from '../../api/uncertain-error.ts';

/** A permission that was asked for and not there. */
export interface Permission {
  readonly verb: 'get' | 'list';
  readonly resource: string;
  readonly group: string;
  readonly namespace?: string | undefined;
}

/** The permissions that a command lacked. */
export interface Lacks {
  /** Sorted by their words. */
  readonly all: () => readonly Permission[];
  /** What the work brings; undefined where a permission was missing, which is then noted. */
  readonly attempt: <T>(work: () => Promise<T>) => Promise<T | undefined>;
}

/** Nothing is lacking yet. */
export function createLacks(): Lacks {
  const lacks = new Map<string, Permission>();
  return {
    all: () => [...lacks].toSorted(([a], [b]) => compareText(a, b)).map(([, permission]) => permission),
    attempt: async (work) => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ForbiddenError)) throw error;
        const permission = toPermission(error.path);
        lacks.set(toPermissionWords(permission), permission);
        return undefined;
      }
    },
  };
}

/** The permission that a GET of this path takes. */
export function toPermission(path: string): Permission {
  const [root, ...rest] = path.split('/').filter(Boolean);
  const group = root === 'api' ? '' : (rest.shift() ?? '');
  rest.shift();
  const namespace = rest[0] === 'namespaces' && rest.length > 2 ? rest.splice(0, 2)[1] : undefined;
  const [resource = path, name] = rest;
  return { verb: name === undefined ? 'list' : 'get', resource, group, namespace };
}

/** A permission in words: `list pods in namespace team-a`. */
export function toPermissionWords({ verb, resource, group, namespace }: Permission): string {
  const named = group === '' ? resource : `${resource}.${group}`;
  return `${verb} ${named}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}
