import { bindingResource } from '../../shared/api/binding.ts';
import { toApiVersion } from '../../shared/api/object-meta.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import { mapBinding } from '../../shared/mappers/map-binding.ts';

const [apiVersion, addType] = [toApiVersion(bindingResource), 'dev.knative.apiserver.resource.add'];

/**
 * Takes the events of new bindings, which the Trigger `reconcile-new-binding` brings here and not to map-binding. So
 * from zero a user waits until one pod has started, not two. The code of map-binding says what such an event asks for.
 */
export function acceptNewBindings(handler: Handler): Handler {
  const map = mapBinding();
  return function handleNewOrAffected(event, context) {
    const { type, kind, apiversion } = event;
    const isNew = type === addType && kind === bindingResource.kind && apiversion === apiVersion;
    if (!isNew) return handler(event, context);
    return map(event, context).then((answer) =>
      answer.kind === 'reply' ? handler(answer.event, context) : answer,
    );
  };
}
