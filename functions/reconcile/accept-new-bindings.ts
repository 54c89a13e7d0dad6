import { bindingResource } from '../../shared/api/binding.ts';
import { toApiVersion } from '../../shared/api/object-meta.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import { mapBinding } from '../../shared/mappers/map-binding.ts';

const [apiVersion, addType] = [toApiVersion(bindingResource), 'dev.knative.apiserver.resource.add'];

/**
 * The Trigger `reconcile-new-binding` brings new bindings here, and not to map-binding: whoever adds one waits for one pod
 * to start, where it were two, one after the other. What such an event asks for is said by the same code.
 */
export function acceptNewBindings(handler: Handler): Handler {
  const map = mapBinding();
  return async function handleNewOrAffected(event, context) {
    const { type, kind, apiversion } = event;
    const isNew = type === addType && kind === bindingResource.kind && apiversion === apiVersion;
    if (!isNew) return await handler(event, context);
    const answer = await map(event, context);
    return answer.kind === 'reply' ? await handler(answer.event, context) : answer;
  };
}
