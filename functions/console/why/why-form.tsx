import type { Fields } from './parse-question.ts';

interface FieldProps {
  readonly fields: Fields;
  readonly name: keyof Fields;
  readonly label: string;
  readonly hint: string;
  readonly required?: boolean;
}

/** What is asked. It is sent by GET, so that every answer has an address. */
export function WhyForm({ fields }: { readonly fields: Fields }) {
  return (
    <form class="why" action="/why">
      <Field {...{ fields, name: 'namespace', label: 'Namespace', hint: 'team-a', required: true }} />
      <fieldset>
        <legend>A pod that is there</legend>
        <Field {...{ fields, name: 'pod', label: 'Pod', hint: 'chat-0' }} />
      </fieldset>
      <fieldset>
        <legend>or one that you describe</legend>
        <Field {...{ fields, name: 'serviceAccount', label: 'Service account', hint: 'default' }} />
        <Field {...{ fields, name: 'labels', label: 'Labels', hint: 'app=model-server, tier=gpu' }} />
        <Field {...{ fields, name: 'container', label: 'Container', hint: 'chat' }} />
        <Field {...{ fields, name: 'image', label: 'Image', hint: 'only for bindings by image' }} />
      </fieldset>
      <button type="submit">Ask why</button>
    </form>
  );
}

function Field({ fields, name, label, hint, required = false }: FieldProps) {
  return (
    <label>
      <span>{label}</span>
      <input
        class="name"
        name={name}
        value={fields[name]}
        placeholder={hint}
        required={required}
        autocomplete="off"
        spellcheck={false}
        autocapitalize="none"
      />
    </label>
  );
}
