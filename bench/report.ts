/** Results as Markdown. */
import type { Picture, Table, Target } from './bench.ts'

export function showTable({ title, head, rows, notes }: Table): string {
  const lines = [head, head.map((_, column) => (column === 0 ? '---' : '--:')), ...rows]
  const table = lines.map((cells) => `| ${cells.join(' | ')} |`)
  return [`## ${title}`, '', ...table, '', ...notes.map((note) => `- ${note}`), ''].join('\n')
}

/** @param isJudged false for figures without a meaning */
export function showTargets(targets: readonly Target[], isJudged: boolean): string {
  const lines = targets.map(({ promise, figure, isMet }) => {
    const verdict = isJudged ? (isMet ? 'met' : '**missed**') : 'not judged'
    return `- ${promise}: ${figure}, ${verdict}`
  })
  return ['## Targets', '', ...lines, ''].join('\n')
}

export function showFacts(facts: readonly string[]): string {
  return ['# fixdepot bench', '', ...facts.map((fact) => `- ${fact}`), ''].join('\n')
}

/** A link to the picture, relative to the report. */
export function showPicture({ alt, file }: Picture): string {
  return `![${alt}](${file})\n`
}
