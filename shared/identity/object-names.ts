const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const labelPattern = new RegExp(`^${label}$`);
const subdomainPattern = new RegExp(`^${label}(\\.${label})*$`);
const labelTextPattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Whether Kubernetes takes this for the name of a container (RFC 1123 label). */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && labelPattern.test(text);
}

/** Whether Kubernetes takes this for the name of an object (RFC 1123 subdomain). */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && subdomainPattern.test(text);
}

/** Whether this is a non-empty label value. */
export function isLabelValue(text: string): boolean {
  return text.length <= 63 && labelTextPattern.test(text);
}

/** Whether this is a label key: a name, with or without a domain before it. */
export function isLabelKey(text: string): boolean {
  const slash = text.indexOf('/');
  if (slash === -1) return isLabelValue(text);
  return isDnsSubdomain(text.slice(0, slash)) && isLabelValue(text.slice(slash + 1));
}
