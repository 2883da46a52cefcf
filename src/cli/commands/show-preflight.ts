/** What an export would be. */
import type { ApiClient } from '../client/api-client.ts'
import type { Preflight, Sample } from '../client/api-types.ts'
import { EXIT, refuseUsage } from '../terminal/exit.ts'
import { coloured, factLines, humanSize, print, printJson } from '../terminal/output.ts'

/** @returns the code to exit with: failed when the export would not be accepted */
export async function showPreflight(
  client: ApiClient,
  body: object,
  options: { id?: number; json?: boolean }
): Promise<number> {
  if (options.id !== undefined) refuseUsage('An export that was started before needs no --dry-run.')
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
    ['Archive', `${humanSize(bytes)}${isShared ? ', packed already or under way' : ''}`],
    ['Room', `${humanSize(Math.max(0, freeBytes - reservedBytes))} at the server`],
    ['No payload', sampleText(preflight.missingPayloads)],
    ['Members missing', sampleText(preflight.missingMembers)],
    ['Requisites missing', sampleText(preflight.missingRequisites)]
  ] as const
  for (const line of factLines(facts)) print(line)
  if (!fits) print(coloured('red', 'There is no room for it at the server.'))
}

function sampleText({ count, fixids }: Sample): string {
  if (count === 0) return ''
  const rest = count > fixids.length ? ` and ${count - fixids.length} more` : ''
  return `${count}: ${fixids.join(', ')}${rest}`
}
