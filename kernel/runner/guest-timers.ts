/** The clock behind the timers of the guest. */
export class GuestTimers {
  readonly #fire: (timer: number, call: number) => void;
  readonly #running = new Map<number, NodeJS.Timeout>();

  constructor(fire: (timer: number, call: number) => void) {
    this.#fire = fire;
  }

  start(timer: number, call: number, delayMs: number, repeat: boolean): void {
    const strike = () => {
      if (!repeat) this.#running.delete(timer);
      this.#fire(timer, call);
    };
    this.#running.set(timer, repeat ? setInterval(strike, delayMs) : setTimeout(strike, delayMs));
  }

  stop(timer: number): void {
    clearTimeout(this.#running.get(timer));
    this.#running.delete(timer);
  }
}
