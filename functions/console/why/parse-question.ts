import { isDnsSubdomain, isLabelKey, isLabelValue } from '../../../shared/identity/object-names.ts';

/** What the form was sent with. */
export type Fields = Readonly<Record<(typeof fieldNames)[number], string>>;

/** The fields of the form. */
const fieldNames = ['namespace', 'pod', 'serviceAccount', 'labels', 'container', 'image'] as const;

/** A pod that somebody asks about: one that is there, or one that is described. */
export type Question =
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string; readonly container?: string }
  | {
      readonly kind: 'described';
      readonly namespace: string;
      readonly serviceAccountName: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly container: string;
      readonly image?: string;
    };

/** More than Kubernetes takes of a name, a list of labels or an image is not looked at. */
const longestField = 4000;

/** The fields of a form, cut. */
export function toFields(query: (name: string) => string | undefined): Fields {
  const entries = fieldNames.map((name) => [name, (query(name) ?? '').slice(0, longestField).trim()]);
  return Object.fromEntries(entries) as Fields;
}

/** What the fields ask. */
export function parseQuestion(fields: Fields): Question {
  const { namespace, pod, serviceAccount, container, image } = fields;
  if (fieldNames.every((name) => fields[name] === '')) return { kind: 'none' };
  if (!isDnsSubdomain(namespace))
    return invalid(`namespace is "${namespace}": expected the name of a namespace`);
  if (pod !== '') return { kind: 'pod', namespace, name: pod, ...(container !== '' && { container }) };
  const labels = parseLabels(fields.labels);
  if (typeof labels === 'string') return invalid(labels);
  if (container === '') return invalid('container is "": expected the name of a container of the pod');
  return {
    kind: 'described',
    namespace,
    serviceAccountName: serviceAccount || 'default',
    labels,
    container,
    ...(image !== '' && { image }),
  };
}

function invalid(message: string): Question {
  return { kind: 'invalid', message };
}

/** Labels as kubectl takes them, with commas, blanks or new lines between them; or what is wrong with them. */
function parseLabels(text: string): Record<string, string> | string {
  const labels: Record<string, string> = {};
  for (const pair of text.split(/[\s,]+/).filter(Boolean)) {
    const [key = '', value, ...rest] = pair.split('=');
    if (value === undefined || rest.length > 0 || !isLabelKey(key) || !(value === '' || isLabelValue(value)))
      return `labels has "${pair}": expected key=value`;
    labels[key] = value;
  }
  return labels;
}
