import unittest

import greeting


class GreetingTest(unittest.TestCase):
    def test_greets_by_name(self):
        self.assertEqual(greeting.greet("Ada"), "Hello, Ada!")
