import { type Frame, Shell } from './shell.tsx';

interface ProblemProps {
  readonly frame: Frame;
  readonly title: string;
  readonly message: string;
}

/** There is nothing to show, and why. */
export function ProblemPage({ frame, title, message }: ProblemProps) {
  return (
    <Shell frame={frame} title={title}>
      <h1>{title}</h1>
      <p>{message}</p>
    </Shell>
  );
}
