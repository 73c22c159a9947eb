"""gbstats' own work, run by the Python of an environment of its own (see `gbstats_beside.py`); prints one JSON object.

Belongs here: nothing but gbstats, numpy-free input and the clock. It imports nothing of ours, whose versions differ.
Input on stdin: {"tables": [[[hits, n] per arm] per metric], "small": [[hits_a, n_a, hits_b, n_b]], "rounds": 7}.
"""

import json
import sys
import time


def main() -> None:
    """Absolute, relative and Bayesian results of each arm against the first, timed; and how often verdicts disagree."""
    from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig
    from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
    from gbstats.models.statistics import ProportionStatistic

    given = json.loads(sys.stdin.read())

    def frequentist(a, b, kind):
        return TwoSidedTTest(a, b, FrequentistConfig(difference_type=kind)).compute_result()

    def analyse():
        absolute = []
        for arms in given["tables"]:
            stats = [ProportionStatistic(n=n, sum=hits) for hits, n in arms]
            for other in stats[1:]:
                absolute.append(frequentist(stats[0], other, "absolute"))
                frequentist(stats[0], other, "relative")
                EffectBayesianABTest(stats[0], other, EffectBayesianConfig()).compute_result()
        return absolute

    walls, cpus = [], []
    for _ in range(given["rounds"]):
        wall, cpu = time.perf_counter(), time.process_time()
        results = analyse()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    disagreeing = counted = 0
    for hits_a, n_a, hits_b, n_b in given["small"]:
        a, b = ProportionStatistic(n=n_a, sum=hits_a), ProportionStatistic(n=n_b, sum=hits_b)
        verdicts = []
        for kind in ("absolute", "relative"):
            low, high = frequentist(a, b, kind).ci
            verdicts.append(low > 0 or high < 0)
        if any(verdicts):
            counted += 1
            disagreeing += verdicts[0] != verdicts[1]
    p_values = [result.p_value for result in results]
    print(json.dumps({"walls": walls, "cpus": cpus, "p": p_values, "disagreeing": disagreeing, "significant": counted}))


if __name__ == "__main__":
    main()
