/** In which Brokers differ. Everything else in this specification holds for all of them. */
export interface Traits {
  /** An event whose id the Broker has seen in the last minutes is accepted and dropped, a reply too. */
  readonly dropsKnownIds: boolean;
  /**
   * If a delivery has retries, then 3xx and 4xx, except for 408 and 429, end it: the event is not tried again, and there is
   * no dead letter.
   */
  readonly forgetsRefused: boolean;
  /** What the Broker adds to an event. */
  readonly addedHeaders: Readonly<Record<string, string>>;
  /** The white space of JSON is not passed on. */
  readonly compactsJson: boolean;
  /** What a sender of a megabyte is answered. */
  readonly answersMegabyte: number;
  /** What a sender of text without a content type is answered. */
  readonly answersUntypedText: number;
}

/** Of Knative's Broker on in-memory channels, and of ours, which behaves like it. */
export const inMemoryTraits: Traits = {
  dropsKnownIds: false,
  forgetsRefused: false,
  addedHeaders: {},
  compactsJson: false,
  answersMegabyte: 202,
  answersUntypedText: 202,
};

/** Of Knative's Broker on JetStream channels. */
export const jetStreamTraits: Traits = {
  dropsKnownIds: true,
  forgetsRefused: true,
  addedHeaders: { 'ce-traceparent': '', 'ce-tracestate': '' },
  compactsJson: true,
  answersMegabyte: 500,
  answersUntypedText: 500,
};
