/** The command said no and has printed why itself: exit 1, and nothing more is printed. */
export class Reported extends Error {
  override readonly name = 'Reported';
}
