import { type Placed, boxHeight, toLayout } from './layout.ts';
import type { Conflict, Line, Picture } from './picture.ts';

interface PictureProps {
  readonly picture: Picture;
  readonly label: string;
}

/** The picture of a namespace. Everything in it is a link, and the table below says the same in words. */
export function PictureSvg({ picture, label }: PictureProps) {
  const { width, height, columns, boxes } = toLayout(picture);
  return (
    <svg
      class="picture"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="group"
      aria-label={label}
    >
      {columns.map(({ title, x }) => (
        <text class="column" x={x} y={12}>
          {title}
        </text>
      ))}
      {picture.lines.map((line) => (
        <LinePath line={line} boxes={boxes} />
      ))}
      {picture.conflicts.map((conflict) => (
        <ConflictPath conflict={conflict} boxes={boxes} />
      ))}
      {[...boxes.values()].map((box) => (
        <PlacedBox box={box} />
      ))}
    </svg>
  );
}

type Boxes = ReadonlyMap<string, Placed>;

function LinePath({ line: { from, to }, boxes }: { readonly line: Line; readonly boxes: Boxes }) {
  const [start, end] = [boxes.get(from), boxes.get(to)];
  if (!start || !end) return null;
  const [x1, y1] = [start.x + start.width, start.y + boxHeight / 2];
  const [x2, y2] = [end.x, end.y + boxHeight / 2];
  const middle = (x1 + x2) / 2;
  const isBroken = start.state === 'missing' || end.state === 'missing';
  return (
    <path
      class={isBroken ? 'line broken' : 'line'}
      d={`M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`}
    />
  );
}

const words = { IdentityCollision: 'collide', PossibleOverlap: 'may overlap' } as const;

/** A bow on the right of two bindings: where they go to an identity, if they go to one. */
function ConflictPath({ conflict, boxes }: { readonly conflict: Conflict; readonly boxes: Boxes }) {
  const [start, end] = [boxes.get(conflict.from), boxes.get(conflict.to)];
  if (!start || !end) return null;
  const x = start.x + start.width;
  const [y1, y2] = [start.y + boxHeight / 2, end.y + boxHeight / 2];
  const bow = Math.min(60, 18 + Math.abs(y2 - y1) / 5);
  return (
    <path
      class={`conflict ${conflict.reason === 'IdentityCollision' ? 'collision' : 'overlap'}`}
      d={`M${x} ${y1} C${x + bow} ${y1} ${x + bow} ${y2} ${x} ${y2}`}
    >
      <title>{`${start.label} and ${end.label} ${words[conflict.reason]}`}</title>
    </path>
  );
}

function PlacedBox({ box }: { readonly box: Placed }) {
  const { kind, state, label, note, href, x, y, width, text } = box;
  const content = (
    <>
      <title>{`${kind} ${label}${note === '' ? '' : `: ${note}`}`}</title>
      <rect x={x} y={y} width={width} height={boxHeight} rx={kind === 'binding' ? 4 : boxHeight / 2} />
      <text x={x + 12} y={y + 17}>
        {text}
      </text>
    </>
  );
  const name = `box ${kind} ${state}`;
  return href === undefined ? (
    <g class={name}>{content}</g>
  ) : (
    <a class={name} href={href}>
      {content}
    </a>
  );
}
