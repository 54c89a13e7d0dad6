import type { Context } from 'hono';
import { show } from '../page/show.tsx';
import type { Site } from '../site.ts';
import { answerQuestion } from './answer-question.ts';
import { parseQuestion, toFields } from './parse-question.ts';
import { WhyPage } from './why-page.tsx';

/** Which identities a pod gets, and which it nearly gets. */
export async function showWhy(c: Context, site: Site): Promise<Response> {
  const fields = toFields((name) => c.req.query(name));
  const answer = await answerQuestion(parseQuestion(fields), site);
  return show(c, <WhyPage frame={site.frame} fields={fields} answer={answer} />);
}
