import type { Schema } from './schema.ts';

const text: Schema = { type: 'string' };
const whole: Schema = { type: 'integer' };
const time: Schema = { type: 'string', format: 'date-time' };
const textMap: Schema = { type: 'object', additionalProperties: text };

/** The metadata of every object. `managedFields` and `selfLink` are accepted and forgotten. */
export const objectMetaSchema: Schema = {
  type: 'object',
  properties: {
    name: { ...text, description: 'Name must be unique within a namespace.' },
    generateName: {
      ...text,
      description: 'GenerateName is a prefix from which the server makes a unique name.',
    },
    namespace: { ...text, description: 'Namespace defines the space within which each name must be unique.' },
    uid: { ...text, description: 'UID is the unique in time and space value for this object.' },
    resourceVersion: { ...text, description: 'The version of this object; it changes with every write.' },
    generation: { ...whole, description: 'A number that grows with every change of the desired state.' },
    creationTimestamp: { ...time, description: 'When this object was created.' },
    deletionTimestamp: { ...time, description: 'When the deletion of this object began.' },
    deletionGracePeriodSeconds: { ...whole, description: 'Seconds that a graceful deletion may take.' },
    labels: { ...textMap, description: 'Keys and values by which objects are selected.' },
    annotations: { ...textMap, description: 'Keys and values that nothing selects by.' },
    finalizers: { type: 'array', items: text, description: 'What must be done before this object may go.' },
    ownerReferences: {
      type: 'array',
      description: 'The objects that this object depends on.',
      items: {
        type: 'object',
        properties: {
          apiVersion: text,
          kind: text,
          name: text,
          uid: text,
          controller: { type: 'boolean' },
          blockOwnerDeletion: { type: 'boolean' },
        },
      },
    },
    selfLink: text,
    managedFields: { type: 'array', items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  },
};
