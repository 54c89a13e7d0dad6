import { z } from 'zod';

/** What of SPIRE Controller Manager's configuration decides whether it acts on an output. */
export const ControllerManagerConfig = z.object({
  kind: z.literal('ControllerManagerConfig'),
  trustDomain: z.string().optional(),
  className: z.string().optional(),
  watchClassless: z.boolean().optional(),
  ignoreNamespaces: z.array(z.string()).nullish(),
});
export type ControllerManagerConfig = z.infer<typeof ControllerManagerConfig>;

/** Whether SPIRE Controller Manager acts on outputs of a class; undefined: of none. */
export function handlesClass(config: ControllerManagerConfig, className: string | undefined): boolean {
  if ((className ?? '') === (config.className ?? '')) return true;
  return className === undefined && config.watchClassless === true;
}

/** Whether it leaves a namespace out, by patterns that may match anywhere in the name. */
export function ignoresNamespace(config: ControllerManagerConfig, namespace: string): boolean {
  return (config.ignoreNamespaces ?? []).some((pattern) => {
    try {
      return new RegExp(pattern).test(namespace);
    } catch {
      // A pattern of Go that JavaScript does not know: as a name it still may say something.
      return pattern === namespace;
    }
  });
}
