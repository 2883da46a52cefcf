/** `fixdepot export --dry-run`: what the export would contain, and whether it fits. */
import type { ApiClient } from '../client/api-client.ts'
import type { Preflight, Sample } from '../client/api-types.ts'
import { EXIT, refuseUsage } from '../terminal/exit.ts'
import { coloured, factLines, humanSize, print, printJson } from '../terminal/output.ts'

/** @returns the exit code: `failed` when the export would not be accepted */
export async function showPreflight(
  client: ApiClient,
  body: object,
  options: { id?: number; json?: boolean }
): Promise<number> {
  if (options.id !== undefined) refuseUsage('--dry-run cannot be used with --id: that export was already started.')
  const preflight = await client.json<Preflight>({
    method: 'POST',
    path: '/api/v1/exports',
    json: { ...body, dryRun: true }
  })
  if (options.json) printJson(preflight)
  else show(preflight)
  return preflight.fits ? EXIT.ok : EXIT.failed
}

function show(preflight: Preflight): void {
  const { packages, entries, bytes, freeBytes, reservedBytes, isShared, fits } = preflight
  const facts = [
    ['Packages', String(packages)],
    ['Files', String(entries)],
    ['Archive', `${humanSize(bytes)}${isShared ? ', already packed or in progress' : ''}`],
    ['Free space', `${humanSize(Math.max(0, freeBytes - reservedBytes))} at the server`],
    ['No payload', sampleText(preflight.missingPayloads)],
    ['Members missing', sampleText(preflight.missingMembers)],
    ['Requisites missing', sampleText(preflight.missingRequisites)]
  ] as const
  for (const line of factLines(facts)) print(line)
  if (!fits) print(coloured('red', 'The server does not have enough space for the archive.'))
}

function sampleText({ count, fixids }: Sample): string {
  if (count === 0) return ''
  const rest = count > fixids.length ? ` and ${count - fixids.length} more` : ''
  return `${count}: ${fixids.join(', ')}${rest}`
}
