/** Options that select packages, and their form in the API. */
import { type Command, InvalidArgumentError, Option } from 'commander'

export interface FilterOptions {
  readonly search?: string
  readonly kind?: string
  readonly latest?: boolean
  /** Undefined: both. */
  readonly downloaded?: boolean
}

export function withFilter(command: Command): Command {
  return command
    .option('--search <text>', 'only packages with this text in fixid, name or category')
    .addOption(new Option('--kind <kind>', 'only updates, or only system packs').choices(['update', 'system-pack']))
    .option('--latest', 'only the newest package of each product line')
    .option('--downloaded', 'only packages whose payload is in the repository')
    .option('--no-downloaded', 'only packages whose payload is not in the repository')
}

/** Parameters of a search. */
export function queryOf({ search, kind, latest, downloaded }: FilterOptions): URLSearchParams {
  const query = new URLSearchParams()
  if (search !== undefined) query.set('q', search)
  if (kind !== undefined) query.set('kind', kind)
  if (latest) query.set('latest', 'true')
  if (downloaded !== undefined) query.set('downloaded', String(downloaded))
  return query
}

/** The filter of an export; undefined without any option. */
export function filterOf(options: FilterOptions, machineTypes: readonly string[]): object | undefined {
  const { search, kind, latest, downloaded } = options
  const filter = {
    ...(search === undefined ? {} : { q: search }),
    ...(kind === undefined ? {} : { kind }),
    ...(machineTypes.length === 0 ? {} : { machineTypes }),
    ...(latest ? { latest } : {}),
    ...(downloaded === undefined ? {} : { downloaded })
  }
  return Object.keys(filter).length === 0 ? undefined : filter
}

/** @throws InvalidArgumentError */
export function machineType(text: string): string {
  if (!/^[A-Za-z0-9]{4}$/.test(text)) throw new InvalidArgumentError('It has four characters, such as 7X05.')
  return text.toUpperCase()
}

/** For an option that is repeatable and takes several values. @throws InvalidArgumentError */
export function addMachineType(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), ...text.split(',').map(machineType)]
}
